// Streams of events, engine thread: a poll that goes on until it is cancelled, and is one request.
//
// The kernel tells of events as they come; the client is given them when it asks. Until it does,
// they are kept together, so a stream has at most one unread reply, besides the one that ends it:
// the reply ring has two places per slot.
//
// A poll may end by itself: because of its file, because the completion ring had no room, and with
// every event before Linux 5.13. It is armed again when the client asks, and not before, as what is
// still there would end it again at once. Nothing gets lost: a poll begins with a look at its file.
#include <cerrno>

#include "engine.h"

namespace ringpost {

namespace {

namespace opcode = protocol::opcode;

}  // namespace

void Engine::BeginStream(ClientService& service, uint32_t slot) {
  InFlight& flight = service.in_flight[slot];
  flight.armed = true;
  flight.asked = true;
  flight.events = 0;
  if ((ring_.report().features & abi::kFeatRsrcTags) == 0) flight.submission.length = 0;
  service.most_replies = service.credits * protocol::kRepliesPerSlot;
}

// A client asks for the next events of a stream. Returns whether it was given some: a place of the
// reply ring is taken.
bool Engine::AskForEvents(ClientService& service, const Request& request) {
  if (request.slot >= memory_.slot_count()) return false;
  InFlight& flight = service.in_flight[request.slot];
  const bool is_stream = flight.opcode == opcode::kPollEvents && !flight.chained;
  if (!is_stream || flight.generation != request.generation || flight.asked) return false;
  flight.asked = true;
  return ServeStream(service, request.slot);
}

// The kernel has something to tell of a stream, and more may come.
void Engine::TakeEvents(ClientService& service, uint32_t slot, int32_t result) {
  service.in_flight[slot].events |= static_cast<uint32_t>(result);
  (void)ServeStream(service, slot);
}

// The kernel is done with the poll. Returns whether the stream goes on; or else how it ends, in
// `result`.
bool Engine::StreamGoesOn(ClientService& service, uint32_t slot, int32_t* result) {
  InFlight& flight = service.in_flight[slot];
  flight.armed = false;
  if (flight.cancelled) {
    *result = flight.overdue ? -ETIMEDOUT : -ECANCELED;
    return false;
  }
  if (*result >= 0) {
    TakeEvents(service, slot, *result);
    return true;
  }
  // What came before the error is told before it: the next poll will fail, too.
  return flight.events != 0;
}

// Gives what has come, or sees to it that something may. Returns whether it gave something.
bool Engine::ServeStream(ClientService& service, uint32_t slot) {
  InFlight& flight = service.in_flight[slot];
  if (flight.cancelled || !flight.asked) return false;
  if (flight.events == 0) {
    if (!flight.armed) {
      flight.armed = true;
      Dispatch(flight.submission);
    }
    return false;
  }
  // Each request in flight keeps its place. A client that asks has read what it was given before;
  // or it says so.
  if (service.in_flight_count + service.replies.Unread() >= service.most_replies) {
    BreakOff(service);
    return false;
  }
  service.replies.Push(
      {slot, flight.generation, static_cast<int32_t>(flight.events), protocol::reply_note::kMore});
  flight.asked = false;
  flight.events = 0;
  return true;
}

}  // namespace ringpost
