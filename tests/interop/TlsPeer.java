// SPDX-License-Identifier: MIT
// Java's TLS, as a client and as a server. It reads a command from each line of standard input and answers each with
// one line behind a mark. With the argument `limit` it changes its keys after 4 KiB (jdk.tls.keyLimits).

import java.io.*;
import java.net.*;
import java.nio.charset.StandardCharsets;
import java.nio.file.*;
import java.security.*;
import java.security.cert.*;
import java.security.spec.*;
import java.util.*;
import javax.net.ssl.*;

public class TlsPeer {
  private static final int PATIENCE = 20_000; // ms
  private static final Map<String, SSLContext> contexts = new HashMap<>(); // each context has its own sessions
  private static SSLServerSocket listening;
  private static SSLSocket peer;

  private static java.security.cert.Certificate certificate(String path) throws Exception {
    try (InputStream in = new FileInputStream(path)) {
      return CertificateFactory.getInstance("X.509").generateCertificate(in);
    }
  }

  private static PrivateKey key(String path) throws Exception {
    String text = Files.readString(Path.of(path)).replaceAll("-----[^-]*-----|\\s", "");
    KeySpec spec = new PKCS8EncodedKeySpec(Base64.getDecoder().decode(text));
    try {
      return KeyFactory.getInstance("EC").generatePrivate(spec);
    } catch (InvalidKeySpecException other) {
      return KeyFactory.getInstance("RSA").generatePrivate(spec);
    }
  }

  // `own` may be "-": no certificate.
  private static SSLContext context(String ca, String own, String ownKey) throws Exception {
    SSLContext known = contexts.get(ca + own);
    if (known != null) return known;
    KeyStore trusted = KeyStore.getInstance(KeyStore.getDefaultType());
    trusted.load(null);
    trusted.setCertificateEntry("ca", certificate(ca));
    TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
    trust.init(trusted);
    KeyManager[] keys = null;
    if (!own.equals("-")) {
      KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
      store.load(null);
      store.setKeyEntry("own", key(ownKey), new char[0], new java.security.cert.Certificate[] {certificate(own)});
      KeyManagerFactory factory = KeyManagerFactory.getInstance("PKIX");
      factory.init(store, new char[0]);
      keys = factory.getKeyManagers();
    }
    SSLContext made = SSLContext.getInstance("TLS");
    made.init(keys, trust.getTrustManagers(), null);
    contexts.put(ca + own, made);
    return made;
  }

  private static SSLParameters parameters(SSLParameters of, String version, String packet) {
    of.setProtocols(new String[] {"TLSv" + version});
    if (!packet.equals("-")) of.setMaximumPacketSize(Integer.parseInt(packet));
    return of;
  }

  private static String handshake() throws Exception {
    peer.setSoTimeout(PATIENCE);
    peer.startHandshake();
    return peer.getSession().getProtocol();
  }

  private static String obey(String[] told) throws Exception {
    switch (told[0]) {
      case "connect": { // PORT VERSION CA OWN KEY PACKET
        peer = (SSLSocket) context(told[3], told[4], told[5]).getSocketFactory().createSocket("localhost", Integer.parseInt(told[1]));
        SSLParameters how = parameters(peer.getSSLParameters(), told[2], told[6]);
        how.setEndpointIdentificationAlgorithm("HTTPS");
        peer.setSSLParameters(how);
        return handshake();
      }
      case "listen": // VERSION CA OWN KEY
        listening = (SSLServerSocket) context(told[2], told[3], told[4]).getServerSocketFactory().createServerSocket(
            0, 5, InetAddress.getLoopbackAddress());
        listening.setSoTimeout(PATIENCE);
        listening.setSSLParameters(parameters(listening.getSSLParameters(), told[1], "-"));
        return Integer.toString(listening.getLocalPort());
      case "accept": // VERSION PACKET
        peer = (SSLSocket) listening.accept();
        peer.setSSLParameters(parameters(peer.getSSLParameters(), told[1], told[2])); // accept() does not pass the packets' size on
        return handshake();
      case "echo": {
        byte[] said = (told[1] + "\n").getBytes(StandardCharsets.UTF_8);
        peer.getOutputStream().write(said);
        return new String(peer.getInputStream().readNBytes(said.length), StandardCharsets.UTF_8).trim();
      }
      case "flood": // ends when the peer refuses
        for (int i = 0; i < 10_000; ++i) {
          peer.getOutputStream().write(new byte[1024]);
          peer.getInputStream().readNBytes(1024);
        }
        return "taken";
      case "session":
        return Long.toString(peer.getSession().getCreationTime());
      case "close":
        peer.close();
        return "ok";
      default:
        return "what?";
    }
  }

  public static void main(String[] arguments) throws Exception {
    if (arguments.length > 0) {
      Security.setProperty("jdk.tls.keyLimits", "AES/GCM/NoPadding KeyUpdate 2^12, ChaCha20-Poly1305 KeyUpdate 2^12");
    }
    System.out.println("@@ up " + System.getProperty("java.version"));
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      String answer;
      try {
        answer = obey(line.trim().split(" "));
      } catch (Exception why) {
        answer = why.toString().replace('\n', ' ');
      }
      System.out.println("@@ " + answer);
    }
  }
}
