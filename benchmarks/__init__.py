"""What the project claims about speed, each figure as a ratio to a floor of the same run."""
