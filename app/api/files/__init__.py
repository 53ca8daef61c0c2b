"""Request bodies, uploads and downloads: size limits, streaming, ETag and ranges."""
