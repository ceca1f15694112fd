"""What a training leaves for people to look at: figures, pictures, history."""
