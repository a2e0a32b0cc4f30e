"""Image data: by name or path, in the formats that people have."""
