"""Where a batch's episodes are played: in this process, or on the nodes of a Ray cluster."""
