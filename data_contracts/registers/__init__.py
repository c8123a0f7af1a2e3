"""What reads are held against: cameras, areas and regions, each as of a day."""
