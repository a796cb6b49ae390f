// A client of a ClientLogin as a script: what it says next, given what it was answered. Each of its
// turns may be cut in two, so that a test can try every place.
#pragma once

#include <functional>

#include "gateway/session/client_login.hpp"
#include "pg/wire/frontend_messages.hpp"

namespace pgkeel::gateway {

inline std::string text_of(const pg::wire::ByteBuffer& bytes) {
  return std::string(pg::wire::text_of(bytes));
}

/// The owner's answer to FindVerifier: nothing when there is no such user.
using Finder = std::function<std::optional<ClientVerifier>(const FindVerifier&)>;
/// From what was answered since the last turn to what the client says next; empty: it waits.
using Turn = std::function<std::string(std::string_view answered)>;

inline Turn says(std::string bytes) {
  return [bytes = std::move(bytes)](std::string_view) { return bytes; };
}

struct ScriptEnd {
  ClientStep step;
  std::string answered;  ///< all of it
  std::string left;
};

/// Runs the turns up to the end of the login; the bytes of turn `cut_turn` come in two, the first
/// `cut` of them alone.
inline ScriptEnd run_script(const ClientTerms& terms, const std::vector<Turn>& turns,
                            const Finder& find, std::size_t cut_turn = SIZE_MAX,
                            std::size_t cut = 0) {
  ClientLogin login(terms, {.nonce = "3rfcNHYJY1ZVvWVs7j", .md5_salt = {}});
  ScriptEnd end{NeedBytes{}, {}, {}};
  std::size_t seen = 0;
  const auto feed = [&](std::string_view bytes) {
    pg::wire::ByteBuffer out;
    end.step = login.resume(pg::wire::bytes_of(bytes), out);
    if (const auto* asked = std::get_if<FindVerifier>(&end.step)) {
      auto verifier = find(*asked);
      end.step =
          verifier ? login.resume_with(*std::move(verifier), out) : login.resume_without(out);
    }
    if (std::holds_alternative<BeginTls>(end.step)) login.begun_tls("end point");
    end.answered += text_of(out);
  };
  for (std::size_t turn = 0; turn < turns.size(); ++turn) {
    const auto bytes = turns[turn](std::string_view(end.answered).substr(seen));
    seen = end.answered.size();
    const auto first = turn == cut_turn ? std::min(cut, bytes.size()) : bytes.size();
    feed(std::string_view(bytes).substr(0, first));
    const auto goes_on = std::holds_alternative<NeedBytes>(end.step);
    if (goes_on && first < bytes.size()) feed(std::string_view(bytes).substr(first));
    if (!std::holds_alternative<NeedBytes>(end.step) && !std::holds_alternative<BeginTls>(end.step))
      break;
  }
  end.left = std::string(pg::wire::text_of(login.left()));
  return end;
}

inline std::string startup(std::initializer_list<pg::wire::StartupParameter> parameters,
                           pg::wire::ProtocolVersion version = {}) {
  pg::wire::ByteBuffer out;
  pg::wire::append_startup(out, version, parameters);
  return text_of(out);
}

template <class Packet>
std::string packet_of(const Packet& packet) {
  pg::wire::ByteBuffer out;
  append(out, packet);
  return text_of(out);
}

}  // namespace pgkeel::gateway
