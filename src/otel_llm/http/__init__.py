"""What every client of ours over HTTP needs, whoever it asks."""
