// A CTP program in C++, told what to do line by line: binding.py in another language, for child.py.
//
// It knows nothing of ctp2 but the header that is generated from the schema. Commands as in binding.py but for `members`;
// an argument may also be null, and a struct's `fill` is the byte that its memory has where nothing is set.
#include "cxx_interface.h"

// --- JSON ------------------------------------------------------------------------------------------------------------

namespace {

struct Reader {
    const char *at, *end;

    char peek() {
        while (at < end && strchr(" \t\r\n", *at)) at++;
        return at < end ? *at : '\0';
    }
    void expect(char wanted) {
        if (peek() != wanted) throw std::runtime_error(std::string("JSON: no ") + wanted + " before " + at);
        at++;
    }
    unsigned code() {
        unsigned value = static_cast<unsigned>(strtoul(std::string(at, 4).c_str(), nullptr, 16));
        at += 4;
        return value;
    }
    void add(std::string &out, unsigned code) {
        if (code < 0x80) {
            out += static_cast<char>(code);
        } else if (code < 0x800) {
            out += static_cast<char>(0xc0 | code >> 6);
            out += static_cast<char>(0x80 | (code & 63));
        } else {
            out += static_cast<char>(0xe0 | code >> 12);
            out += static_cast<char>(0x80 | (code >> 6 & 63));
            out += static_cast<char>(0x80 | (code & 63));
        }
    }
    std::string text() {
        std::string out;
        expect('"');
        while (*at != '"') {
            if (*at != '\\') {
                out += *at++;
                continue;
            }
            at++;
            char kind = *at++;
            static const char FROM[] = "nrtbf", TO[] = "\n\r\t\b\f";
            const char *found = strchr(FROM, kind);
            if (kind == 'u') {
                add(out, code());
            } else {
                out += found ? TO[found - FROM] : kind;
            }
        }
        at++;
        return out;
    }
    bool word(const char *wanted) {
        size_t size = strlen(wanted);
        if (static_cast<size_t>(end - at) < size || strncmp(at, wanted, size)) return false;
        at += size;
        return true;
    }
    Json value() {
        Json made;
        char first = peek();
        if (first == '{') {
            made.type = Json::OBJECT;
            for (at++; peek() != '}';) {
                std::string name = (peek(), text());
                expect(':');
                made.members.emplace_back(name, value());
                if (peek() == ',') at++;
            }
            at++;
        } else if (first == '[') {
            made.type = Json::LIST;
            for (at++; peek() != ']';) {
                made.list.push_back(value());
                if (peek() == ',') at++;
            }
            at++;
        } else if (first == '"') {
            made.type = Json::TEXT;
            made.text = text();
        } else if (word("null")) {
        } else if (word("true") || word("false")) {
            made.type = Json::BOOLEAN;
            made.number = at[-1] == 'e' && at[-2] == 'u';
        } else if (word("NaN")) {
            made.type = Json::NUMBER;
            made.number = NAN;
        } else {
            char *after;
            made.type = Json::NUMBER;
            made.number = strtod(at, &after);
            if (after == at) throw std::runtime_error(std::string("JSON: ") + at);
            at = after;
        }
        return made;
    }
};

std::mutex g_writing;
bool g_is_quiet = false;
int g_seen = 0;

void tell(const std::string &line) {
    std::lock_guard<std::mutex> lock(g_writing);
    std::string data = line + "\n";
    for (size_t at = 0; at < data.size();) {
        ssize_t written = write(1, data.data() + at, data.size() - at);
        if (written <= 0) return;
        at += static_cast<size_t>(written);
    }
}

}  // namespace

Json parse(const std::string &text) {
    Reader reader = {text.data(), text.data() + text.size()};
    return reader.value();
}

std::string quoted(const std::string &text) {
    std::string out = "\"";
    for (unsigned char one : text) {
        char escape[8];
        if (one < 0x20 || one == '"' || one == '\\' || one >= 0x7f) {
            snprintf(escape, sizeof escape, "\\u%04x", one);
            out += escape;
        } else {
            out += static_cast<char>(one);
        }
    }
    return out + "\"";
}

std::string hex(const char *data, size_t size) {
    std::string out;
    for (size_t at = 0; at < size; at++) {
        out += "0123456789abcdef"[static_cast<unsigned char>(data[at]) >> 4];
        out += "0123456789abcdef"[data[at] & 15];
    }
    return out;
}

std::string bytes_of(const Json &value) {
    if (value.type != Json::OBJECT) return value.text;
    const std::string &digits = value.at("bytes").text;
    std::string out;
    for (size_t at = 0; at + 1 < digits.size(); at += 2) {
        out += static_cast<char>(strtoul(digits.substr(at, 2).c_str(), nullptr, 16));
    }
    return out;
}

// --- arguments -------------------------------------------------------------------------------------------------------

const Json &Arguments::at(size_t place) const {
    static const Json none;
    return place < given.size() ? given[place] : none;
}

char *Arguments::text(size_t place) const {
    if (at(place).type == Json::NUL) return nullptr;
    kept.emplace_back(new std::string(bytes_of(at(place))));
    return &(*kept.back())[0];
}

char **Arguments::names(size_t place) const {
    if (at(place).type == Json::NUL) return nullptr;
    lists.emplace_back(new std::vector<char *>());
    std::vector<char *> &all = *lists.back();
    for (const Json &one : at(place).list) {
        if (one.type == Json::NUL) {
            all.push_back(nullptr);
            continue;
        }
        kept.emplace_back(new std::string(bytes_of(one)));
        all.push_back(&(*kept.back())[0]);
    }
    return all.data();
}

static void set(char *place, const Member &member, const Json &value) {
    if (member.kind == Kind::DOUBLE_) {
        memcpy(place, &value.number, 8);
    } else if (member.kind == Kind::INT_) {
        int32_t number = static_cast<int32_t>(value.number);
        memcpy(place, &number, 4);
    } else if (member.kind == Kind::SHORT_) {
        int16_t number = static_cast<int16_t>(value.number);
        memcpy(place, &number, 2);
    } else {
        // As strncpy does: a text that fills the member has no NUL.
        std::string text = bytes_of(value);
        memcpy(place, text.data(), text.size() < member.size ? text.size() : member.size);
    }
}

char *Arguments::memory(size_t place, const Table &table) const {
    const Json &value = at(place);
    if (value.type == Json::NUL) return nullptr;
    // Exactly as large as the struct, so that a checker sees whoever reads beyond it.
    kept.emplace_back(new std::string());
    std::unique_ptr<char[]> memory(new char[table.size]);
    memset(memory.get(), value.has("fill") ? static_cast<int>(value.at("fill").number) : 0, table.size);
    if (value.has("set")) {
        for (const auto &one : value.at("set").members) {
            bool is_known = false;
            for (const Member &member : table.members) {
                if (one.first != member.name) continue;
                set(memory.get() + member.offset, member, one.second);
                is_known = true;
            }
            if (!is_known) throw std::runtime_error(std::string(table.name) + " has no " + one.first);
        }
    }
    fields.emplace_back(&table, memory.release());
    return fields.back().second;
}

// --- what is told ----------------------------------------------------------------------------------------------------

static std::string show_member(const char *place, const Member &member) {
    char number[40];
    if (member.kind == Kind::DOUBLE_) {
        double value;
        memcpy(&value, place, 8);
        if (isnan(value)) return "NaN";
        if (isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
        snprintf(number, sizeof number, "%.17g", value);
        return std::string(number) + (strpbrk(number, ".e") ? "" : ".0");
    }
    if (member.kind == Kind::INT_) {
        int32_t value;
        memcpy(&value, place, 4);
        return std::to_string(value);
    }
    if (member.kind == Kind::SHORT_) {
        int16_t value;
        memcpy(&value, place, 2);
        return std::to_string(value);
    }
    size_t size = strnlen(place, member.size);
    if (member.kind == Kind::PIECE_) return "{\"bytes\": \"" + hex(place, size) + "\"}";
    for (size_t at = 0; at < size; at++) {
        if (static_cast<unsigned char>(place[at]) >= 0x80) return "{\"gb18030\": \"" + hex(place, size) + "\"}";
    }
    return quoted(std::string(place, size));
}

std::string show(const Table &table, const void *field) {
    if (!field) return "null";
    std::string out = std::string("{\"struct\": \"") + table.name + "\", \"has\": {";
    const char *begin = static_cast<const char *>(field);
    bool is_first = true;
    for (const Member &member : table.members) {
        if (!is_first) out += ", ";
        is_first = false;
        out += "\"" + std::string(member.name) + "\": " + show_member(begin + member.offset, member);
    }
    return out + "}}";
}

// --- the program -----------------------------------------------------------------------------------------------------

namespace {

struct Held {
    CThostFtdcTraderApi *trader = nullptr;
    CThostFtdcMdApi *md = nullptr;
    std::unique_ptr<TraderEar> trader_ear;
    std::unique_ptr<MdEar> md_ear;
};

std::mutex g_lock;
std::map<std::string, Held> g_held;
std::map<std::string, std::vector<Json>> g_waiting;

Value call(const Json &line, std::string &shown) {
    Held *held;
    {
        std::lock_guard<std::mutex> lock(g_lock);
        held = &g_held.at(line.at("api").text);
    }
    Arguments with(line.at("arguments").list);
    Value value;
    const std::string &name = line.at("name").text;
    if (held->trader) {
        with.own_spi = held->trader_ear.get();
        value = TRADER_CALLS.at(name)(*held->trader, with);
    } else {
        with.own_spi = held->md_ear.get();
        value = MD_CALLS.at(name)(*held->md, with);
    }
    for (auto &one : with.fields) {
        if (line.has("shows")) shown += (shown.empty() ? "" : ", ") + show(*one.first, one.second);
        delete[] one.second;
    }
    return value;
}

void call_and_tell(const Json &line) {
    std::string shown;
    Value value = call(line, shown);
    std::string number = line.has("number") ? std::to_string(static_cast<int>(line.at("number").number)) : "0";
    tell("{\"api\": " + quoted(line.at("api").text) + ", \"called\": " + quoted(line.at("name").text) +
         ", \"number\": " + number + ", \"result\": " + value.json + ", \"arguments\": [" + shown + "]}");
}

void create(const Json &line) {
    std::string name = line.at("api").text;
    Arguments with(line.at("arguments").list);
    Held *held;
    {
        std::lock_guard<std::mutex> lock(g_lock);
        held = &g_held[name];
    }
    const char *version;
    // The last of that name was released: what it heard with goes now.
    if (line.at("kind").text == "trader") {
        held->trader = create_trader(with);
        held->trader_ear.reset(new TraderEar(name));
        held->trader->RegisterSpi(held->trader_ear.get());
        version = CThostFtdcTraderApi::GetApiVersion();
    } else {
        held->md = create_md(with);
        held->md_ear.reset(new MdEar(name));
        held->md->RegisterSpi(held->md_ear.get());
        version = CThostFtdcMdApi::GetApiVersion();
    }
    tell("{\"api\": " + quoted(name) + ", \"created\": " + quoted(version) + "}");
}

void wait_for(const Json &line) {
    std::lock_guard<std::mutex> lock(g_lock);
    g_waiting[line.at("api").text + "/" + line.at("callback").text].push_back(line);
}

void fork_and_tell(const Json &line) {
    pid_t pid = fork();
    if (pid == 0) {
        std::string shown;
        exit(call(line, shown).json == "-1" ? 0 : 9);
    }
    int status = -1;
    waitpid(pid, &status, 0);
    tell("{\"api\": " + quoted(line.at("api").text) + ", \"forked\": " +
         std::to_string(WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status)) + "}");
}

const std::map<std::string, void (*)(const Json &)> DOES = {
    {"create", create}, {"call", call_and_tell}, {"when", wait_for}, {"raise", wait_for}, {"fork", fork_and_tell},
};

}  // namespace

void Ear::tell(const char *callback, const std::string &arguments) {
    if (__atomic_load_n(&g_is_quiet, __ATOMIC_SEQ_CST)) {
        __atomic_add_fetch(&g_seen, 1, __ATOMIC_SEQ_CST);
        return;
    }
    ::tell("{\"api\": " + quoted(api) + ", \"callback\": \"" + callback + "\", \"thread\": " +
           std::to_string(static_cast<long long>(pthread_self())) + ", \"arguments\": [" + arguments + "]}");
    std::vector<Json> lines;
    {
        std::lock_guard<std::mutex> lock(g_lock);
        auto found = g_waiting.find(api + "/" + callback);
        if (found == g_waiting.end()) return;
        lines.swap(found->second);
    }
    for (const Json &line : lines) {
        if (line.at("do").text == "raise") throw std::runtime_error("as a program's bug would");
        call_and_tell(line);
    }
}

int main() {
    std::string text;
    char piece[65536];
    while (fgets(piece, sizeof piece, stdin)) {
        text += piece;
        if (text.back() != '\n') continue;
        Json line = parse(text);
        text.clear();
        const std::string &what = line.at("do").text;
        if (what == "end") return 0;
        if (what == "quiet") {
            __atomic_store_n(&g_is_quiet, true, __ATOMIC_SEQ_CST);
        } else {
            DOES.at(what)(line);
        }
    }
    return 0;
}
