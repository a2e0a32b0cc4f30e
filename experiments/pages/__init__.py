"""What every page shares: tables, figures, style, HTML."""
