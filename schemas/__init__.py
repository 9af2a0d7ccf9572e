"""One Pandera schema per table. Bounds and codes come from the catalogue, never typed twice."""
