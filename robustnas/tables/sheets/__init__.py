"""Sheets: the rows of a user's file, whatever its form.

`robustnas.tables.sheets.reading` finds the reader of a file; there is one module for each family of forms.
"""
