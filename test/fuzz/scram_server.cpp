// Anybody may send SCRAM messages before they have proven anything. Goal: nothing crashes the
// server's side, nobody proves a password without it, and verifiers read back as they are written.
#include "pg/scram/server.hpp"

#include "base/check.hpp"
#include "fuzz/fuzz_input.hpp"

namespace {

using namespace pgkeel::pg;

const ScramVerifier& verifier() {
  static const auto made =
      scram_verifier_of(derive_scram_keys("pencil", "salt of sixteen.", 1).value(), "salt", 1);
  return made;
}

}  // namespace

// Two messages, one after the other with a line break between them.
int LLVMFuzzerTestOneInput(const std::uint8_t* input, std::size_t size) {
  const auto text = pgkeel::test::text_of(input, size);
  if (const auto parsed = parse_scram_verifier(text)) {
    const auto written = format_scram_verifier(*parsed);
    CHECK(format_scram_verifier(parse_scram_verifier(written).value()) == written);
  }
  const auto cut = std::min(text.find('\n'), text.size());
  const auto second = text.substr(std::min(cut + 1, text.size()));
  for (const auto* end_point : {"", "end point"}) {
    ScramServer server(verifier(), "servernonce", end_point);
    const auto mechanism = *end_point == '\0' ? kScramSha256 : kScramSha256Plus;
    if (server.first(mechanism, text.substr(0, cut))) CHECK(!server.final(second));
  }
  return 0;
}
