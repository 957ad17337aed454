/* outrider nn quantise: argv[0] is "quantise"; returns the exit status. */
#ifndef OUTRIDER_DAEMON_CLI_NN_QUANTISE_H
#define OUTRIDER_DAEMON_CLI_NN_QUANTISE_H

int nn_quantise(int argc, char **argv);

#endif
