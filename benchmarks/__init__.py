"""Speed and recall measurements; see README.md in this folder."""
