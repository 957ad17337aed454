/* The tracker's weights are part of the program: nothing to install, nothing that could be missing. */
#include "perception/track/lane_memory.h"
#include "perception/track/learned.h"

#define EMBED(symbol, file)                                                                        \
    __asm__(".pushsection .rodata\n.balign 64\n" symbol ":\n.incbin \"perception/models/" file     \
            "\"\n" symbol "_end:\n.byte 0\n.popsection\n")

EMBED("weights_lstm", "tracker-lstm.onnx");
EMBED("weights_lstm_attention", "tracker-lstm-attention.onnx");
EMBED("weights_rnn", "tracker-rnn.onnx");
EMBED("weights_rnn_attention", "tracker-rnn-attention.onnx");
EMBED("weights_lanes_lstm", "lanes-lstm.onnx");
EMBED("weights_lanes_rnn", "lanes-rnn.onnx");

extern const unsigned char weights_lstm[], weights_lstm_end[];
extern const unsigned char weights_lstm_attention[], weights_lstm_attention_end[];
extern const unsigned char weights_rnn[], weights_rnn_end[];
extern const unsigned char weights_rnn_attention[], weights_rnn_attention_end[];

struct weights weights_built_in(bool lstm)
{
    if (lstm)
        return (struct weights){weights_lstm, weights_lstm_attention,
                                (size_t)(weights_lstm_end - weights_lstm),
                                (size_t)(weights_lstm_attention_end - weights_lstm_attention)};
    return (struct weights){weights_rnn, weights_rnn_attention,
                            (size_t)(weights_rnn_end - weights_rnn),
                            (size_t)(weights_rnn_attention_end - weights_rnn_attention)};
}

extern const unsigned char weights_lanes_lstm[], weights_lanes_lstm_end[];
extern const unsigned char weights_lanes_rnn[], weights_lanes_rnn_end[];

struct lane_weights lane_weights_built_in(bool lstm)
{
    if (lstm)
        return (struct lane_weights){weights_lanes_lstm,
                                     (size_t)(weights_lanes_lstm_end - weights_lanes_lstm)};
    return (struct lane_weights){weights_lanes_rnn,
                                 (size_t)(weights_lanes_rnn_end - weights_lanes_rnn)};
}
