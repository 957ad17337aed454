/* Inside of train/: which cells are to speak of which object. */
#ifndef OUTRIDER_TRAIN_OWN_TARGETS_H
#define OUTRIDER_TRAIN_OWN_TARGETS_H

/* struct own_network *: fills the targets of objects from its labels and outputs, between the network and
 * its losses. Task-aligned (Feng et al. 2021): an object takes the ASSIGN_TOP cells in it whose
 * score^0.5 IoU^6 is largest; its target there is that measure, scaled to the largest IoU. */
void own_targets_assign(void *network);

#endif
