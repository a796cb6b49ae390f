// What a text of SQL does to its session. Goal: whatever the bytes, the same is said of a text in
// pieces as of the whole, names are bounded, and what is a comment to the server says nothing.
#include "base/check.hpp"
#include "fuzz/fuzz_input.hpp"
#include "gateway/sql/session_effects.hpp"

using namespace pgkeel::gateway::sql;

namespace {

void check_same(EffectsReader& pieces, const EffectsReader& whole, const SessionEffects& wanted) {
  const auto seen = pieces.finish();
  CHECK(seen.ties == wanted.ties && seen.undone == wanted.undone && seen.traits == wanted.traits);
  CHECK(seen.verb == wanted.verb && seen.statements == wanted.statements);
  CHECK(pieces.names() == whole.names() && whole.names().size() <= kNamesMost);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  if (size < 2) return 0;
  // The first two bytes choose how the text is read and where it is cut.
  const LexicalRules rules{.backslash = static_cast<Backslash>(bytes[0] % 3)};
  const auto text = pgkeel::test::text_of(bytes + 2, size - 2);
  EffectsReader whole(rules);
  whole.feed(text);
  const auto effects = whole.finish();
  const auto cut = text.empty() ? 0 : bytes[1] % text.size();
  EffectsReader two(rules), many(rules);
  const std::string front(text.substr(0, cut)), back(text.substr(cut));
  two.feed(front);
  two.feed(back);
  check_same(two, whole, effects);
  for (const char byte : text) many.feed({&byte, 1});
  check_same(many, whole, effects);
  if (text.contains('\n') || text.contains('\r')) return 0;
  const auto comment = read_effects("--" + std::string(text), rules).effects;
  CHECK(comment.ties.empty() && comment.traits.empty() && comment.statements == 0);
  return 0;
}
