// TLS comes from anybody, and through OpenSSL. Goal: whatever comes before a handshake is over is
// never plaintext, an error ends it, and what is taken is taken whole, on both sides.
#include "gateway/tls/channel.hpp"

#include "fuzz/fuzz_input.hpp"
#include "support/tls_certificate.hpp"

namespace {

using namespace pgkeel;
using namespace pgkeel::gateway;

const TlsContext& server() {
  static const auto made = [] {
    const test::TlsCertificate certificate("db");
    const auto pem = certificate.pem();
    const auto key = certificate.key_pem();
    return TlsContext::server({pem, key}, pem).value();
  }();
  return made;
}
const TlsContext& client() {
  static const auto made = TlsContext::client(TlsVerify::None).value();
  return made;
}

void run(TlsChannel channel, ByteSpan input) {
  pg::wire::ByteBuffer out;
  CHECK(channel.start(out));
  std::array<std::byte, 64> room{};
  const auto cut = input.size() / 2;
  for (auto piece : {input.first(cut), input.subspan(cut)}) {
    const auto plaintext = channel.receive(piece, room, out);
    if (!plaintext) CHECK(channel.state() == TlsChannel::State::Failed);
    if (!plaintext) return;
    CHECK(plaintext->empty() && piece.empty() && channel.state() != TlsChannel::State::Open);
  }
  channel.close(out);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* input, std::size_t size) {
  const ByteSpan bytes(reinterpret_cast<const std::byte*>(input), size);
  run(TlsChannel::accept(server(), TlsOpening::Direct).value(), bytes);
  run(TlsChannel::connect(client(), "db", TlsOpening::Requested).value(), bytes);
  return 0;
}
