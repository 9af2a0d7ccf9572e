"""What is measured: the tree of an index, and the U4SSC catalogue as data."""
