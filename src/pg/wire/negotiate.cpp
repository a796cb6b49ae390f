// See negotiate.hpp.
#include "pg/wire/negotiate.hpp"

#include <algorithm>
#include <ranges>

namespace pgkeel::pg::wire {
namespace {

bool is_protocol_option(const StartupParameter& parameter) {
  return parameter.name.starts_with(kProtocolOption);
}

}  // namespace

Negotiation negotiate(const StartupMessage& startup, std::uint16_t newest_minor) {
  const ProtocolVersion newest{startup.version.major, newest_minor};
  const auto unknown = std::ranges::count_if(startup.parameters, is_protocol_option);
  return {std::min(startup.version, newest), static_cast<std::size_t>(unknown)};
}

void append_negotiation(ByteBuffer& out, const StartupMessage& startup,
                        const Negotiation& negotiation) {
  MessageWriter writer(out, backend::NegotiateProtocolVersion::kType);
  writer.number(negotiation.version.code());
  writer.number(static_cast<std::uint32_t>(negotiation.unknown_options));
  for (const auto& parameter : startup.parameters)
    if (is_protocol_option(parameter)) writer.text(parameter.name);
}

}  // namespace pgkeel::pg::wire
