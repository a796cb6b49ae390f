// See tls_line.hpp.
#include "gateway/relay/tls_line.hpp"

#include <utility>

#include "gateway/relay/worker.hpp"

namespace pgkeel::gateway {

Result<std::unique_ptr<TlsLine>> TlsLine::begin(Worker& worker, Stream& stream,
                                                const ServerTlsTerms& terms) {
  TRY(channel, TlsChannel::connect(*terms.context, terms.host, TlsOpening::Requested));
  std::unique_ptr<TlsLine> line(new TlsLine(worker, stream, std::move(channel)));
  ByteBuffer out;
  TRY_VOID(line->channel_.start(out));
  worker.loop().send_copy(stream, out);
  return line;
}

Result<ByteSpan> TlsLine::receive(ByteSpan ciphertext) {
  const auto room = worker_.plain_room();
  ByteBuffer answer;
  std::size_t size = 0;
  auto got = channel_.receive(ciphertext, room, answer);
  for (; got && !got->empty(); got = channel_.receive(ciphertext, room.subspan(size), answer))
    size += got->size();
  worker_.loop().send_copy(stream_, answer);
  if (!got) {
    worker_.loop().flush();
    return fail(got.error());
  }
  if (size == 0) return ByteSpan();
  const auto came = room.first(size);
  return worker_.loop().hold_until_flush(ByteBuffer(came.begin(), came.end()));
}

bool TlsLine::take_opened() {
  if (channel_.state() == TlsChannel::State::Handshaking) return false;
  return !std::exchange(told_opened_, true);
}

void TlsLine::send(ByteSpan plaintext) {
  pg::wire::put_bytes(plain_, plaintext);
  worker_.loop().touch(stream_);
}

// All of a round in one go, as to clients.
void TlsLine::flush() {
  if (plain_.empty()) return;
  if (channel_.state() != TlsChannel::State::Open) return plain_.clear();  // it listens no more
  ByteBuffer out;
  const auto sent = channel_.send(std::exchange(plain_, {}), out);
  if (sent)  // else it is found out when the server is read
    worker_.loop().send(stream_, worker_.loop().hold_until_flush(std::move(out)));
}

Refusal refusal_of_tls(const Error& error, const SocketAddress& server) {
  const auto message = server.text + ": " + error.message();
  if (error.code != ErrorCode::AuthFailed) return {"08006", message};
  return {"08001", message, "",
          "sslrootcert in instance.url names whom to trust, and with sslmode=verify-full the "
          "certificate has to have the host's name."};
}

}  // namespace pgkeel::gateway
