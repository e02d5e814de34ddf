"""What differs between two places, judged against rows compared one by one in Python."""
