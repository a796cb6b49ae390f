// What a server says may come from anything that listens on its port. Goal: nothing crashes the
// login, what is kept stays bounded, the same comes out however the stream is cut, and who does not
// know the verifier is never taken for the server once SCRAM has begun.
#include "gateway/session/server_login.hpp"

#include "fuzz/fuzz_input.hpp"

namespace {

using namespace pgkeel;
using namespace pgkeel::gateway;

ServerTerms terms(std::uint8_t kind) {
  ServerTerms made{.user = "app", .database = "app", .nonce = "fyko+d2lbbFg"};
  made.tls = (kind & 1U) != 0 ? ServerTls::Prefer : ServerTls::Off;
  made.newest_minor = (kind & 2U) != 0 ? 2 : 0;
  if ((kind & 4U) != 0) made.credentials = ScramPass{{}, "salt", 1};
  else if ((kind & 8U) != 0) made.credentials = PlainPassword{SharedSecret("pencil")};
  return made;
}

/// Pieces of `piece` bytes; the last step, and what was sent.
auto run(std::uint8_t kind, ByteSpan input, std::size_t piece) {
  ServerLogin login(terms(kind));
  pg::wire::ByteBuffer out;
  auto step = login.start(out);
  while (!input.empty() && std::holds_alternative<NeedBytes>(step)) {
    // The answer about TLS has to come alone.
    const auto bytes = (kind & 1U) != 0 && out.size() == 8 ? 1 : std::min(piece, input.size());
    step = login.resume(input.first(bytes), out);
    input = input.subspan(bytes);
    if (std::holds_alternative<BeginTls>(step)) step = login.begun_tls("", out);
    if (std::holds_alternative<DeriveKeys>(step)) step = login.resume_with({}, out);
  }
  return std::pair(std::move(step), std::move(out));
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* input, std::size_t size) {
  if (size == 0) return 0;
  const ByteSpan bytes(reinterpret_cast<const std::byte*>(input + 1), size - 1);
  const auto [whole, sent] = run(input[0], bytes, bytes.size());
  const auto [cut, sent_cut] = run(input[0], bytes, 1);
  CHECK(whole.index() == cut.index() && sent == sent_cut);
  if (const auto* ready = std::get_if<ServerReady>(&whole))
    CHECK(ready->parameters.size() <= ServerLogin::kParametersMost &&
          !pg::wire::text_of(sent).contains(",p="));
  return 0;
}
