"""What a run has shown: the cost of trading and its parts."""
