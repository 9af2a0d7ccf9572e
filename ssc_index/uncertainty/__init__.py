"""How sure is a rank: an index computed again and again, with every choice that could have been another."""
