// Recipes, engine thread: several ring operations run as one request, with no way back to
// JavaScript between them.
//
// clang-format off
//   readFile    OPEN → MOVE until the file ends → CLOSE      a full buffer ends it early; the file stays open
//   readRest    MOVE until the file ends → CLOSE             goes on with that file and a larger buffer
//   writeFile   OPEN → MOVE until all is written → FLUSH? → CLOSE
// clang-format on
//
// A transfer may be short, and an end of file is known only from a read of nothing: so MOVE
// repeats. Whatever fails after OPEN, the descriptor is closed; the first failure is the one
// reported. Pure state machines: tests run them without a ring.
#pragma once

#include "in_flight.h"
#include "kernel_abi.h"

namespace ringpost {

[[nodiscard]] bool IsRecipe(uint32_t opcode);

// Puts a recipe before its first step. `flight` has its opcode, fd, path, flags, mode and buffer.
void BeginRecipe(InFlight* flight);

// Fills a zeroed submission, all but its user_data, with the step the recipe stands before.
void PrepareRecipeStep(const InFlight& flight, abi::Sqe* sqe);

enum class Progress { kNextStep, kFinished };

// The current step completed with `result`: moves on to the next one, or finishes.
[[nodiscard]] Progress AdvanceRecipe(InFlight* flight, int32_t result);

// What a finished recipe replies.
struct RecipeOutcome {
  int32_t result;  // bytes moved, or -errno of the failed stage
  uint32_t note;   // protocol::reply_note and protocol::stage
};
[[nodiscard]] RecipeOutcome OutcomeOf(const InFlight& flight);

}  // namespace ringpost
