#include "wire/json_document.h"

#include <limits>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <deimos/internal/rfc3339.h>

namespace deimos {
namespace {

/// Of JSON values; two for each level of nodes. The store's own trees are seldom deeper than ten.
constexpr std::size_t deepest = 400;

enum class Field : unsigned {
  action,
  node,
  prev_node,
  error_code,
  message,
  cause,
  index,  // of the document
  key,
  value,
  dir,
  expiration,
  ttl,
  nodes,
  modified_index,
  created_index,
  unknown  // of a node
};

constexpr unsigned bit(Field field) noexcept { return 1U << static_cast<unsigned>(field); }

struct NamedField {
  std::string_view name;
  Field field;
};
constexpr NamedField document_fields[] = {
    {"action", Field::action},        {"node", Field::node},       {"prevNode", Field::prev_node},
    {"errorCode", Field::error_code}, {"message", Field::message}, {"cause", Field::cause},
    {"index", Field::index},
};
constexpr NamedField node_fields[] = {
    {"key", Field::key},
    {"value", Field::value},
    {"dir", Field::dir},
    {"expiration", Field::expiration},
    {"ttl", Field::ttl},
    {"nodes", Field::nodes},
    {"modifiedIndex", Field::modified_index},
    {"createdIndex", Field::created_index},
};

/// The receiver of nlohmann's SAX parser, which keeps its own stack on the heap: nothing here recurses.
class Reader {
 public:
  explicit Reader(bool nameless_root) noexcept : nameless_root_(nameless_root) {}

  using number_integer_t = nlohmann::json::number_integer_t;
  using number_unsigned_t = nlohmann::json::number_unsigned_t;
  using number_float_t = nlohmann::json::number_float_t;
  using string_t = nlohmann::json::string_t;
  using binary_t = nlohmann::json::binary_t;

  bool null() { return unexpected("null"); }
  bool number_float(number_float_t, const string_t&) { return unexpected("a fraction"); }
  bool binary(binary_t&) { return unexpected("binary data"); }

  bool boolean(bool value) {
    if (skipping()) return true;
    if (in_node() && field_ == Field::dir) {
      frames_.back().node.dir = value;
      return true;
    }
    return unexpected("a boolean");
  }

  bool number_integer(number_integer_t value) {  // Negative ones only.
    if (skipping()) return true;
    if (in_node() && field_ == Field::ttl) {
      frames_.back().node.ttl = std::chrono::seconds(value);
      return true;
    }
    return unexpected("a negative number");
  }

  bool number_unsigned(number_unsigned_t value) {
    if (skipping()) return true;
    switch (field_) {
      case Field::error_code: document_.error_code = value; return true;
      case Field::index: document_.index = value; return true;
      case Field::modified_index: frames_.back().node.modified_index = value; return true;
      case Field::created_index: frames_.back().node.created_index = value; return true;
      case Field::ttl:
        if (value > std::uint64_t{std::numeric_limits<std::int64_t>::max()}) return unexpected("a number too large");
        frames_.back().node.ttl = std::chrono::seconds(value);
        return true;
      default: return unexpected("a number");
    }
  }

  bool string(string_t& value) {
    if (skipping()) return true;
    switch (field_) {
      case Field::action: document_.action = std::move(value); return true;
      case Field::message: document_.message = std::move(value); return true;
      case Field::cause: document_.cause = std::move(value); return true;
      case Field::key: frames_.back().node.key = std::move(value); return true;
      case Field::value: frames_.back().node.value = std::move(value); return true;
      case Field::expiration: return expiration(value);
      default: return unexpected("a string");
    }
  }

  bool start_object(std::size_t) {
    if (!enter()) return false;
    if (skipping()) return true;
    if (frames_.empty()) {
      frames_.push_back({Frame::Kind::document});
    } else if (frames_.back().kind == Frame::Kind::list || field_ == Field::node || field_ == Field::prev_node) {
      frames_.push_back({Frame::Kind::node, field_});
    } else {
      return unexpected("an object");
    }
    field_ = Field::unknown;
    return true;
  }

  bool key(string_t& name) {
    if (skip_from_ != 0 && depth_ > skip_from_) return true;
    skip_from_ = 0;
    Frame& frame = frames_.back();
    field_ = Field::unknown;
    if (frame.kind == Frame::Kind::document) {
      find(document_fields, name);
    } else {
      find(node_fields, name);
    }
    if (field_ == Field::unknown) {
      skip_from_ = depth_;
      return true;
    }
    if ((frame.seen & bit(field_)) != 0) return refuse("the field `" + name + "` is given twice");
    frame.seen |= bit(field_);
    return true;
  }

  bool end_object() {
    const bool skipped = skip_from_ != 0 && depth_ > skip_from_;
    --depth_;
    if (skipped) return true;
    skip_from_ = 0;
    Frame frame = std::move(frames_.back());
    frames_.pop_back();
    if (frame.kind == Frame::Kind::document) return true;
    constexpr unsigned needed = bit(Field::key) | bit(Field::modified_index) | bit(Field::created_index);
    if (nameless_root_ && frame.place == Field::node && frame.node.dir && (frame.seen & needed) == 0) {
      frame.node.key = "/";
    } else if ((frame.seen & needed) != needed) {
      return refuse("a node lacks `key`, `modifiedIndex` or `createdIndex`");
    }
    place(std::move(frame));
    field_ = Field::unknown;
    return true;
  }

  bool start_array(std::size_t) {
    if (!enter()) return false;
    if (skipping()) return true;
    if (!in_node() || field_ != Field::nodes) return unexpected("an array");
    frames_.push_back({Frame::Kind::list});
    return true;
  }

  bool end_array() {
    const bool skipped = skip_from_ != 0 && depth_ > skip_from_;
    --depth_;
    if (skipped) return true;
    frames_.pop_back();
    return true;
  }

  bool parse_error(std::size_t position, const std::string&, const nlohmann::json::exception&) {
    return refuse("it is not JSON, or broken off, at byte " + std::to_string(position));
  }

  [[nodiscard]] std::string& reason() noexcept { return reason_; }
  [[nodiscard]] JsonDocument& document() noexcept { return document_; }

 private:
  struct Frame {
    enum class Kind { document, node, list };
    Kind kind;
    Field place = Field::unknown;  ///< Of a node: where it belongs.
    unsigned seen = 0;
    Node node = {};
  };

  /// The current value belongs to an unknown field, or lies within one.
  [[nodiscard]] bool skipping() const noexcept { return skip_from_ != 0; }
  [[nodiscard]] bool in_node() const noexcept { return !frames_.empty() && frames_.back().kind == Frame::Kind::node; }

  bool refuse(std::string why) {
    if (reason_.empty()) reason_ = std::move(why);
    return false;
  }

  bool unexpected(std::string_view what) {
    if (skipping()) return true;
    return refuse(name_of_current() + " is " + std::string(what));
  }

  [[nodiscard]] std::string name_of_current() const {
    if (frames_.empty()) return "the whole";
    switch (frames_.back().kind) {
      case Frame::Kind::document: return name_of(document_fields);
      case Frame::Kind::node: return name_of(node_fields);
      case Frame::Kind::list: return "an element of `nodes`";
    }
    return {};
  }

  bool enter() {
    if (++depth_ > deepest) return refuse("it is nested deeper than " + std::to_string(deepest) + " levels");
    return true;
  }

  template <std::size_t n>
  void find(const NamedField (&fields)[n], const std::string& name) {
    for (const NamedField& named : fields) {
      if (named.name == name) field_ = named.field;
    }
  }

  template <std::size_t n>
  [[nodiscard]] std::string name_of(const NamedField (&fields)[n]) const {
    for (const NamedField& named : fields) {
      if (named.field == field_) return "`" + std::string(named.name) + "`";
    }
    return "something";
  }

  bool expiration(const std::string& text) {
    const auto instant = internal::parse_rfc3339(text);
    if (!instant) return refuse("`expiration` is no RFC 3339 instant");
    // The zero instant of the server's language stands for "none".
    if (*instant != internal::zero_instant) frames_.back().node.expiration = *instant;
    return true;
  }

  void place(Frame frame) {
    if (frames_.back().kind == Frame::Kind::list) {
      frames_[frames_.size() - 2].node.children.push_back(std::move(frame.node));
    } else {
      (frame.place == Field::node ? document_.node : document_.prev_node) = std::move(frame.node);
    }
  }

  const bool nameless_root_;
  JsonDocument document_;
  std::vector<Frame> frames_;
  Field field_ = Field::unknown;
  std::size_t depth_ = 0;
  std::size_t skip_from_ = 0;  ///< Depth of the object whose unknown field is being skipped; 0: none is.
  std::string reason_;
};

}  // namespace

tl::expected<JsonDocument, std::string> read_json_document(std::string_view text, bool nameless_root) {
  Reader reader(nameless_root);
  if (!nlohmann::json::sax_parse(text.begin(), text.end(), &reader)) {
    return tl::unexpected<std::string>(std::move(reader.reason()));
  }
  return std::move(reader.document());
}

}  // namespace deimos
