// Whoever reaches the gateway may say anything before it has proven itself. Goal: nothing crashes
// the login, nobody gets in without the password, what is held stays bounded, and every refusal of
// a client that speaks the protocol is told.
#include "gateway/session/client_login.hpp"

#include "fuzz/fuzz_input.hpp"

namespace {

using namespace pgkeel;
using namespace pgkeel::gateway;

const pg::ScramVerifier& verifier() {
  static const auto made = pg::scram_verifier_of(
      pg::derive_scram_keys("pencil", "salt of sixteen.", 1).value(), "salt of sixteen.", 1);
  return made;
}

/// Feeds pieces, each of the length its first byte says, until the login ends.
ClientStep run(ClientLogin& login, ByteSpan input, pg::wire::ByteBuffer& out) {
  ClientStep step = NeedBytes{};
  while (!input.empty()) {
    const auto bytes =
        std::min<std::size_t>(std::to_integer<std::size_t>(input[0]), input.size() - 1);
    step = login.resume(input.subspan(1, bytes), out);
    input = input.subspan(1 + bytes);
    if (const auto* find = std::get_if<FindVerifier>(&step)) {
      CHECK(!find->user.empty() && find->user.size() <= kNameBytesMost);
      step = find->user.starts_with('x') ? login.resume_without(out)
                                         : login.resume_with(verifier(), out);
    }
    CHECK(login.left().size() <= ClientLogin::kHeldBytesMost);
    if (std::holds_alternative<BeginTls>(step)) login.begun_tls("end point");
    else if (!std::holds_alternative<NeedBytes>(step)) return step;
  }
  return step;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* input, std::size_t size) {
  ClientLogin login({}, {.nonce = "servernonce", .md5_salt = {}});
  pg::wire::ByteBuffer out;
  const auto step = run(login, ByteSpan(reinterpret_cast<const std::byte*>(input), size), out);
  CHECK(!std::holds_alternative<ClientProven>(step));
  if (std::holds_alternative<ClientRefused>(step)) CHECK(!out.empty());
  return 0;
}
