// Enhancement only: every page works with this file missing.
