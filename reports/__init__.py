"""Texts and pictures for people, filled from the marts."""
