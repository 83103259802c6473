"""Numbers in frames and millimetres: spacing, invertible maps, boxes, masks, calipers, ellipses."""
