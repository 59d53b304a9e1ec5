/**
 * What is said over the WebSockets: text frames of one JSON object each, told apart by `type`. These schemas check what comes in; the
 * document shows them, for OpenAPI itself has no words for WebSockets.
 */
import { constants } from "node:os";
import { type TSchema, Type } from "typebox";
import { Choice } from "./choice.ts";
import { FileEntry } from "./file-entries.ts";
import { AnyText, Environment, GuestPath, Tag, Text } from "./text.ts";

const MOST_CELLS = 65_535;
/** Linux's, by name; those beyond have none. */
const SIGNALS = Object.entries(constants.signals).filter(([, number]) => number <= 31);
const ENCODINGS = ["utf-8", "base64"] as const;

const closed = { additionalProperties: false } as const;

export function signalNumber(signal: string | number): number {
  return typeof signal === "number" ? signal : (SIGNALS.find(([name]) => name === signal)?.[1] ?? 0);
}

export const SignalName = () =>
  Type.Union([
    Choice(
      SIGNALS.map(([name]) => name),
      { description: "A signal by name, such as `SIGINT`." },
    ),
    Type.Integer({ minimum: 1, maximum: 31 }),
  ]);

const Cells = () => Type.Integer({ minimum: 1, maximum: MOST_CELLS });
const User = () => Text({ minLength: 1, maxLength: 64, description: "The sandbox's default user if absent." });
const Args = () => Type.Array(Text(), { default: [], maxItems: 10_000 });
const OutputEncoding = () =>
  Choice(ENCODINGS, {
    default: "utf-8",
    description: "`base64`: all output is told as that. Else only what is no UTF-8.",
  });

const Stop = Type.Object(
  { type: Type.Literal("stop") },
  { ...closed, description: "SIGTERM, and SIGKILL if it still runs five seconds later." },
);
const Signal = Type.Object(
  { type: Type.Literal("signal"), signal: SignalName() },
  { ...closed, description: "To its whole process group, at once." },
);
const whom = {
  pid: Type.Optional(Type.Integer({ minimum: 1, maximum: 2 ** 32 - 1 })),
  tag: Type.Optional(Tag()),
};

/** Of the client, on /exec/stream. */
export const EXEC_MESSAGES = {
  start: Type.Object(
    {
      type: Type.Literal("start"),
      cmd: Text({ minLength: 1, maxLength: 4096, description: "A program, by path or by name in PATH. No shell." }),
      args: Args(),
      env: Environment({ default: {}, description: "Beside the sandbox's own." }),
      cwd: Type.Optional(GuestPath()),
      user: Type.Optional(User()),
      tag: Type.Optional(Tag({ description: "A name to attach it by; made up if absent." })),
      stdin: Type.Boolean({ default: true, description: "False: its standard input is empty." }),
      encoding: OutputEncoding(),
    },
    { ...closed, description: "First: starts a command." },
  ),
  attach: Type.Object(
    { type: Type.Literal("attach"), ...whom, encoding: OutputEncoding() },
    { ...closed, description: "Or first: takes up a command that runs, or that ended less than five minutes ago." },
  ),
  stdin: Type.Object(
    {
      type: Type.Literal("stdin"),
      data: AnyText(),
      encoding: Choice(ENCODINGS, { default: "utf-8", description: "Of `data`." }),
    },
    { ...closed, description: "Input. A binary frame is input, too." },
  ),
  close_stdin: Type.Object(
    { type: Type.Literal("close_stdin") },
    { ...closed, description: "The end of its input, after what was sent before." },
  ),
  signal: Signal,
  stop: Stop,
} as const;

/** Of the client, on /pty. */
export const PTY_MESSAGES = {
  start: Type.Object(
    {
      type: Type.Literal("start"),
      cols: Cells(),
      rows: Cells(),
      cmd: Type.Optional(Text({ minLength: 1, maxLength: 4096, description: "The user's shell if absent." })),
      args: Args(),
      env: Environment({ default: {} }),
      cwd: Type.Optional(GuestPath()),
      user: Type.Optional(User()),
      tag: Type.Optional(Tag({ description: "A name to attach it by; made up if absent." })),
    },
    { ...closed, description: "First: starts a command in a terminal." },
  ),
  attach: Type.Object(
    { type: Type.Literal("attach"), ...whom, cols: Type.Optional(Cells()), rows: Type.Optional(Cells()) },
    { ...closed, description: "Or first: takes up a terminal, and gives it this size." },
  ),
  resize: Type.Object({ type: Type.Literal("resize"), cols: Cells(), rows: Cells() }, closed),
  signal: Signal,
  stop: Stop,
} as const;

/** Of the client, on /files/watch. */
export const WATCH_MESSAGES = {
  start: Type.Object(
    {
      type: Type.Literal("start"),
      path: GuestPath(),
      recursive: Type.Boolean({ default: false }),
      user: Type.Optional(User()),
    },
    { ...closed, description: "First, and alone." },
  ),
} as const;

const Started = Type.Object(
  {
    type: Type.Literal("start"),
    pid: Type.Integer(),
    tag: Type.String(),
    dropped_bytes: Type.Integer({ description: "Of its output so far, what nobody has read and was not kept." }),
  },
  closed,
);
const Exit = Type.Object(
  {
    type: Type.Literal("exit"),
    exit_code: Type.Integer({ description: "127: no such program; 128 + n: ended by signal n." }),
  },
  { ...closed, description: "The last; then the connection is closed with 1000." },
);
const Failure = Type.Object(
  { type: Type.Literal("error"), code: Type.String(), data: Type.String() },
  { ...closed, description: "Before the connection is closed with the code that belongs to it." },
);
const output = (type: "stdout" | "stderr") =>
  Type.Object(
    {
      type: Type.Literal(type),
      data: Type.String({ description: "Characters are whole." }),
      encoding: Type.Optional(Type.Literal("base64")),
    },
    closed,
  );

function either(id: string, description: string, messages: readonly TSchema[]): TSchema {
  return Type.Union([...messages], { $id: id, description });
}

/** For the document. */
export const STREAM_SCHEMAS: readonly TSchema[] = [
  either("ExecStreamRequest", "A client's message on /exec/stream.", Object.values(EXEC_MESSAGES)),
  either("ExecStreamEvent", "The server's message on /exec/stream.", [
    Started,
    output("stdout"),
    output("stderr"),
    Exit,
    Failure,
  ]),
  either(
    "PtyRequest",
    "A client's text message on /pty. A binary one is typed into the terminal.",
    Object.values(PTY_MESSAGES),
  ),
  either("PtyEvent", "The server's text message on /pty. A binary one is what the terminal shows.", [
    Started,
    Exit,
    Failure,
  ]),
  either("WatchRequest", "A client's message on /files/watch.", Object.values(WATCH_MESSAGES)),
  either("WatchEvent", "The server's message on /files/watch.", [
    Type.Object({ type: Type.Literal("start") }, { ...closed, description: "From now on nothing is missed." }),
    Type.Object(
      {
        type: Type.Literal("event"),
        event: Choice(["create", "write", "remove", "rename", "chmod"]),
        name: Type.String({ description: "Below the folder that is watched." }),
        entry: Type.Optional(FileEntry),
      },
      { ...closed, description: "`entry` is as it is now, if it is still there." },
    ),
    Failure,
  ]),
];
