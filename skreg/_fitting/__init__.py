"""What turns estimators and data into trained networks; `fit` is the one entry."""
