"""Records in files: Parquet, CSV, NumPy, lines of text."""
