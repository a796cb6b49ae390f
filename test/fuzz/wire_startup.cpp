// The first bytes of a connection come from anybody. Goal: nothing is read outside the packet, and
// what is taken is written again as it came; what is agreed on is never newer than what we speak.
#include "base/check.hpp"
#include "fuzz/fuzz_input.hpp"
#include "pg/wire/negotiate.hpp"

namespace {

using namespace pgkeel;
using namespace pgkeel::pg::wire;

void write(ByteBuffer& out, const StartupMessage& startup) {
  append_startup(out, startup.version, startup.parameters);
  const auto agreed = negotiate(startup);
  CHECK(agreed.version.minor <= kNewestMinor && agreed.version <= startup.version);
  ByteBuffer told;
  append_negotiation(told, startup, agreed);
  const auto read = backend::NegotiateProtocolVersion::decode(ByteSpan(told).subspan(5));
  CHECK(read && read->unknown_options.size() == agreed.unknown_options);
  for (const auto& [name, value] : startup.parameters) CHECK(startup.find(name).has_value());
}
template <class Request>
void write(ByteBuffer& out, const Request& request) {
  append(out, request);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* input, std::size_t size) {
  const ByteSpan bytes(reinterpret_cast<const std::byte*>(input), size);
  static_cast<void>(begins_tls(bytes));
  const auto length = startup_bytes(bytes);
  if (!length || !*length || **length > size) return 0;
  const auto packet = decode_startup(bytes.first(**length));
  if (!packet) return 0;
  ByteBuffer out;
  std::visit([&](const auto& request) { write(out, request); }, *packet);
  CHECK(text_of(out) == text_of(bytes.first(**length)));
  return 0;
}
