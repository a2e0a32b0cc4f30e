"""The commands of the console script that need nothing but the base package."""
