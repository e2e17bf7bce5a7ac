"""What a plan is: names, types, the frozen model, its order, its text and its wire format."""
