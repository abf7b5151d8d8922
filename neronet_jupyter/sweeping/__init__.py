"""What the sweep builder decides, without a widget: drafts, previews, folders, where runs may go."""
