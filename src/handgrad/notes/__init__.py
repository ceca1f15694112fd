"""The notes as plain NumPy: one pure function a line, N1 to N35, and the network that calls them in order."""
