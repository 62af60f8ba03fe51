"""Who watches a run: the terminal's live picture, plain lines, the lines of JSON, and the summary at the
end.
"""
