// A server that is not the one it says it is may answer anything. Goal: nothing crashes the
// client's side, what it is made to count is bounded, and no server passes that does not know the
// keys.
#include "pg/scram/client.hpp"

#include "base/check.hpp"
#include "fuzz/fuzz_input.hpp"
#include "pg/scram/saslprep.hpp"

// Two messages, one after the other with a line break between them.
int LLVMFuzzerTestOneInput(const std::uint8_t* input, std::size_t size) {
  using namespace pgkeel::pg;
  const auto text = pgkeel::test::text_of(input, size);
  const auto prepared = saslprep_or_raw(text);
  CHECK(saslprep_or_raw(prepared.view()).view() == prepared.view());
  const auto cut = std::min(text.find('\n'), text.size());
  for (const auto binding :
       {ScramBinding::None, ScramBinding::NotOffered, ScramBinding::EndPoint}) {
    ScramClient client(binding, "nonce", "end point");
    const auto challenge = client.challenge(text.substr(0, cut));
    if (!challenge) continue;
    CHECK(challenge->iterations <= kScramIterationsMost && !challenge->salt.empty());
    const ScramKeys keys{
        ScramKey(std::as_bytes(std::span("a key of thirty-two bytes, told.", 32))),
        ScramKey(std::as_bytes(std::span("another that nobody has told you", 32)))};
    static_cast<void>(client.final(keys));
    CHECK(!client.check(text.substr(std::min(cut + 1, text.size()))));
  }
  return 0;
}
