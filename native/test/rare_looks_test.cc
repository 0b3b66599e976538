#include "rare_looks.h"

#include "check.h"

namespace ringpost {
namespace {

// Of so many waits, how many begin with a look.
template <typename End>
int Looks(RareLooks& looks, int waits, End end) {
  int begun = 0;
  for (int nth = 0; nth < waits; nth++) {
    if (!looks.TakesTurn()) continue;
    begun++;
    end(begun);
  }
  return begun;
}

TEST(looks_in_vain_become_rare) {
  RareLooks looks;
  const auto in_vain = [&](int) { looks.WasInVain(); };
  CHECK(looks.TakesTurn());
  Looks(looks, 1000, in_vain);
  CHECK_EQ(Looks(looks, 5120, in_vain), 10);
  CHECK(!looks.pays());
}

TEST(looks_that_pay_are_soon_at_every_wait_again) {
  RareLooks looks;
  Looks(looks, 1000, [&](int) { looks.WasInVain(); });
  Looks(looks, 512 + 16 + 4 + 2, [&](int) { looks.Paid(); });
  CHECK_EQ(Looks(looks, 100, [&](int) { looks.Paid(); }), 100);
  CHECK(looks.pays());
}

TEST(one_in_five_that_pays_is_too_few) {
  RareLooks looks;
  const auto one_in_five = [&](int nth) { nth % 5 == 0 ? looks.Paid() : looks.WasInVain(); };
  CHECK(Looks(looks, 10'000, one_in_five) < 500);
}

TEST(interrupted_looks_become_rare_twice_as_fast) {
  RareLooks looks;
  looks.WasInterrupted();
  CHECK_EQ(Looks(looks, 3, [&](int) { looks.Paid(); }), 0);
  for (int nth = 0; nth < 10; nth++) looks.WasInterrupted();
  CHECK_EQ(Looks(looks, 511, [&](int) { looks.Paid(); }), 0);
  CHECK_EQ(Looks(looks, 1, [&](int) { looks.Paid(); }), 1);
}

}  // namespace
}  // namespace ringpost
