"""What several packages use and none of them is about."""
