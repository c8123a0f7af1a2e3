"""Who may do what, why and until when: permissions, procedures accepted, authorities, the vault opened."""
