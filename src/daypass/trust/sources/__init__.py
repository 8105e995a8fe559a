"""Role trust policies out of what people keep them in: templates, plans, answers. Pure: text in, policies out."""
