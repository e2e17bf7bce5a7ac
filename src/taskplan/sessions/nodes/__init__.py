"""Sessions whose nodes are processes of their own."""
