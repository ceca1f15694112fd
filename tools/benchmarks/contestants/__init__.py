"""Who is measured: one file a framework."""
