/* The subcommands of `outrider eval`, one file each; as in cli.h. */
#ifndef OUTRIDER_DAEMON_CLI_EVAL_H
#define OUTRIDER_DAEMON_CLI_EVAL_H

int eval_objects_command(int argc, char **argv);
int eval_lanes_command(int argc, char **argv);
int eval_road_command(int argc, char **argv);
int eval_tracks_command(int argc, char **argv);
int eval_motion_command(int argc, char **argv);
int eval_ego_command(int argc, char **argv);

#endif
