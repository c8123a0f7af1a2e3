"""What is tried on a challenger besides its figures: parity with serving, leakage, fairness, faults in the data.

Each trial is a function of rows, reads and a model; `trials` puts them together for a training run.
"""
