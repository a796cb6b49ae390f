// A client and two servers that say anything, in any order. Goal: nothing crashes the sessions, the
// same comes out however the streams are cut, a server gets whole messages whatever its client
// does, and none is given away that owes something or has a transaction open.
#include "fuzz/fuzz_input.hpp"
#include "gateway/session/client_session.hpp"
#include "pg/wire/message_reader.hpp"

namespace {

using namespace pgkeel;
using namespace pgkeel::gateway;
namespace wire = pgkeel::pg::wire;

struct Collected final : Outlet {
  void send(ByteSpan bytes) override { wire::put_bytes(all, bytes); }
  void send_copy(ByteSpan bytes) override { send(bytes); }
  ByteBuffer all;
};

struct Scene final : ServerListener {
  explicit Scene(std::uint8_t kind)
      : client((kind & 1U) != 0 ? Sharing::Session : Sharing::Transaction, store) {}

  void on_message(const wire::Message&, Answer) override {}
  void on_failed() override { client.state().failed(); }
  void on_unprepared(const std::string& name, const StatementRef& statement) override {
    client.unprepared(name, statement);
  }
  void on_unclosed(const std::string& name, const StatementRef& statement) override {
    client.unclosed(name, statement);
  }

  void client_says(ByteSpan bytes) {
    wire::put_bytes(unsaid, bytes);
    const ByteBuffer said = std::exchange(unsaid, {});
    ByteSpan left(said);
    const auto step = client.take(left, &servers[at], sent[at], told);
    over = over || !step || *step == ClientSession::Step::Left;
    unsaid.assign(left.begin(), left.end());
  }
  void server_says(ByteSpan bytes) {
    while (!bytes.empty() && !over) {
      const auto step = servers[at].take(bytes, &told, *this);
      over = !step;
      if (step && *step == ServerSession::Step::Free) client.state().transaction_over();
    }
    if (!over) client_says({});
  }
  void change_server() {
    if (client.keeps_server() || !servers[at].exchange().idle()) return;
    CHECK(servers[at].exchange().owed().empty());
    at = 1 - at;
  }

  StatementStore store;
  ClientSession client;
  std::array<ServerSession, 2> servers{ServerSession(3), ServerSession(3)};
  std::array<Collected, 2> sent;
  Collected told;
  ByteBuffer unsaid;
  std::size_t at = 0;
  bool over = false;
};

void check_whole(const ByteBuffer& sent) {
  wire::MessageReader reader(wire::Sender::Frontend, 1U << 30U);
  reader.feed(sent);
  for (;;) {
    const auto message = reader.next();
    CHECK(message.has_value());
    if (!*message) return;
  }
}

/// Of `input`: who speaks, how much, and that. In pieces of `piece` bytes.
void play(Scene& scene, ByteSpan input, std::size_t piece) {
  while (input.size() >= 2 && !scene.over) {
    const auto who = std::to_integer<unsigned>(input[0]) % 3;
    const auto size = std::min(std::to_integer<std::size_t>(input[1]), input.size() - 2);
    auto said = input.subspan(2, size);
    input = input.subspan(2 + size);
    if (who == 2) scene.change_server();
    while (who != 2 && !said.empty() && !scene.over) {
      const auto now = said.first(std::min(piece, said.size()));
      said = said.subspan(now.size());
      if (who == 0) scene.client_says(now);
      else scene.server_says(now);
    }
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* input, std::size_t size) {
  if (size == 0) return 0;
  const ByteSpan bytes(reinterpret_cast<const std::byte*>(input + 1), size - 1);
  Scene whole(input[0]), cut(input[0]);
  play(whole, bytes, 256);
  play(cut, bytes, 1);
  for (const auto* scene : {&whole, &cut})
    for (const auto& sent : scene->sent) check_whole(sent.all);
  if (whole.over || cut.over) return 0;  // what came before the end is told sooner or later
  CHECK(whole.told.all == cut.told.all && whole.at == cut.at);
  for (std::size_t at = 0; at < 2; ++at) CHECK(whole.sent[at].all == cut.sent[at].all);
  return 0;
}
