/* The subcommands of `outrider`, one file each. Each gets its own name as argv[0] and returns the
 * exit status: 0 done, 1 it failed (one line on stderr says why), 2 wrong usage. */
#ifndef OUTRIDER_DAEMON_CLI_H
#define OUTRIDER_DAEMON_CLI_H

struct command {
    const char *name, *help;
    int (*run)(int argc, char **argv);
};

int infer_command(int argc, char **argv);
int nn_command(int argc, char **argv);
int track_command(int argc, char **argv);
int run_command(int argc, char **argv);
int replay_command(int argc, char **argv);
int sim_command(int argc, char **argv);
int echo_command(int argc, char **argv);
int train_command(int argc, char **argv);
int train_tracker_command(int argc, char **argv);
int train_lanes_command(int argc, char **argv); /* of train */
int label_command(int argc, char **argv);
int plot_command(int argc, char **argv);
int eval_command(int argc, char **argv);

#endif
