// SPDX-License-Identifier: MIT
// A node of jinterface, OTP's library for Java: `Peer NODE COOKIE` connects to NODE as java@127.0.0.1. It reads a
// command from each line of standard input and answers each with one line behind a mark. Its mailbox `echo` answers
// gen_server calls, and ends with the reason that it is told.

import com.ericsson.otp.erlang.*;
import java.io.BufferedReader;
import java.io.InputStreamReader;

public class Peer {
  private static final long PATIENCE = 20_000; // ms
  private final OtpNode self;
  private final String node;

  private Peer(String node, String cookie) throws Exception {
    this.self = new OtpNode("java@127.0.0.1", cookie);
    this.node = node;
  }

  private static OtpErlangTuple tuple(OtpErlangObject... elements) {
    return new OtpErlangTuple(elements);
  }

  private static OtpErlangAtom atom(String name) {
    return new OtpErlangAtom(name);
  }

  // Like gen_server:call, without a monitor.
  private OtpErlangObject call(OtpMbox from, String server, OtpErlangObject request) throws Exception {
    OtpErlangRef tag = self.createRef();
    from.send(server, node, tuple(atom("$gen_call"), tuple(from.self(), tag), request));
    OtpErlangObject reply = from.receive(PATIENCE);
    return reply == null ? atom("timeout") : ((OtpErlangTuple) reply).elementAt(1);
  }

  private OtpErlangPid probe(OtpMbox from) throws Exception {
    return (OtpErlangPid) call(from, "probe", atom("self"));
  }

  private String ended(OtpMbox mailbox) throws Exception {
    try {
      return "message " + mailbox.receive(PATIENCE);
    } catch (OtpErlangExit exit) {
      return "exit " + exit.reason();
    }
  }

  // Answers calls; `{die, Reason}` ends it.
  private void serve(OtpMbox mailbox) {
    try {
      for (;;) {
        OtpErlangTuple message = (OtpErlangTuple) mailbox.receive();
        if (message.arity() == 2) {
          mailbox.exit(message.elementAt(1));
          return;
        }
        OtpErlangTuple from = (OtpErlangTuple) message.elementAt(1);
        mailbox.send((OtpErlangPid) from.elementAt(0), tuple(from.elementAt(1), tuple(atom("java"), message.elementAt(2))));
      }
    } catch (OtpErlangExit | OtpErlangDecodeException ended) {
      System.err.println(ended);
    }
  }

  private String run(String command) throws Exception {
    OtpMbox mailbox = self.createMbox();
    switch (command) {
      case "ping":
        return String.valueOf(self.ping(node, PATIENCE));
      case "call":
        call(mailbox, "kv", tuple(atom("put"), new OtpErlangString("k"), new OtpErlangDouble(1.5)));
        return call(mailbox, "kv", tuple(atom("get"), new OtpErlangString("k"))).toString();
      case "serve":
        OtpMbox echo = self.createMbox("echo");
        new Thread(() -> serve(echo)).start();
        return "ok";
      case "link": // our actor ends, and the linked mailbox gets its exit
        OtpErlangPid ends = probe(mailbox);
        mailbox.link(ends);
        mailbox.send(ends, tuple(atom("$gen_call"), tuple(mailbox.self(), self.createRef()), tuple(atom("exit"), atom("bye"))));
        return ended(mailbox);
      case "exit": // the mailbox ends, and our actor with it; another mailbox is linked to that actor
        OtpErlangPid dies = probe(mailbox);
        OtpMbox witness = self.createMbox();
        witness.link(dies);
        mailbox.link(dies);
        mailbox.exit("reason_of_java");
        return ended(witness);
      case "nobody":
        try {
          mailbox.link(new OtpErlangPid(node, 30_000, 7, probe(mailbox).creation()));
        } catch (OtpErlangExit exit) {
          return "exit " + exit.reason();
        }
        return ended(mailbox);
      default:
        return "no such command";
    }
  }

  public static void main(String[] arguments) throws Exception {
    Peer peer = new Peer(arguments[0], arguments[1]);
    BufferedReader commands = new BufferedReader(new InputStreamReader(System.in));
    System.out.println("@@ up");
    for (String command = commands.readLine(); command != null; command = commands.readLine()) {
      System.out.println("@@ " + peer.run(command));
    }
    System.exit(0);
  }
}
