"""The steps of a method: their parameters, what is wrong with them on a framework, and how they run."""
