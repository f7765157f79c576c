// SPDX-License-Identifier: Apache-2.0

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.testcontainers.containers.GenericContainer;
import org.testcontainers.containers.wait.strategy.Wait;
import org.testcontainers.images.builder.Transferable;
import org.testcontainers.utility.DockerImageName;
import org.testcontainers.utility.MountableFile;

/** irsa-emu in a container: AWS credentials of Kubernetes service accounts, with no AWS account. */
public class IrsaEmuContainer extends GenericContainer<IrsaEmuContainer> {

    private static final int PORT = 4772;
    private static final String TOKEN_FILE = "/var/run/secrets/eks.amazonaws.com/serviceaccount/token";

    // The control API asks for a token beyond loopback.
    private final String controlToken = UUID.randomUUID().toString();
    private final List<String> command = new ArrayList<>(List.of("serve"));
    private final HttpClient http = HttpClient.newHttpClient();

    /** An image of irsa-emu, such as the one that docker build makes in a checkout of it. */
    public IrsaEmuContainer(DockerImageName image) {
        super(image);
        withExposedPorts(PORT);
        withEnv("IRSA_EMU_CONTROL_TOKEN", controlToken);
        waitingFor(Wait.forHttp("/readyz").forPort(PORT));
    }

    /** State to start from: a file or folder of whatever {@code irsa-emu serve --given} takes. */
    public IrsaEmuContainer withState(Path state) {
        String inside = "/given-" + command.size() + "/" + state.toAbsolutePath().getFileName();
        withCopyFileToContainer(MountableFile.forHostPath(state, Files.isDirectory(state) ? 0755 : 0644), inside);
        command.addAll(List.of("--given", inside));
        return this;
    }

    /** The region of calls that name none. */
    public IrsaEmuContainer withRegion(String region) {
        command.addAll(List.of("--region", region));
        return this;
    }

    @Override
    protected void configure() {
        super.configure();
        withCommand(command.toArray(new String[0]));
    }

    /** Where programs on this machine reach the emulator: the endpointOverride of clients. */
    public URI url() {
        return URI.create("http://" + getHost() + ":" + getMappedPort(PORT));
    }

    /** Signs a token of a service account, NAMESPACE/NAME. */
    public String token(String serviceAccount) {
        String request = "{\"serviceAccount\": \"" + serviceAccount.replace("\\", "\\\\").replace("\"", "\\\"") + "\"}";
        Matcher token = Pattern.compile("\"token\": *\"([^\"]+)\"").matcher(call("POST", "/_emu/tokens", request));
        if (!token.find()) {
            throw new IllegalStateException("irsa-emu answered without a token");
        }
        return token.group(1);
    }

    /** Writes a token to a new file: what a WebIdentityTokenFileCredentialsProvider reads. */
    public Path tokenFile(String serviceAccount) throws IOException {
        Path file = Files.createTempFile("irsa-emu-", ".token");
        file.toFile().deleteOnExit();
        return Files.writeString(file, token(serviceAccount));
    }

    /**
     * Makes another container a pod of a service account whose annotation names a role. The emulator's container
     * must be started and have a network alias in a network of both.
     */
    public <C extends GenericContainer<C>> C pod(C app, String alias, String serviceAccount, String roleArn, String region) {
        String url = "http://" + alias + ":" + PORT;
        Map<String, String> env = new LinkedHashMap<>();
        env.put("AWS_ROLE_ARN", roleArn);
        env.put("AWS_WEB_IDENTITY_TOKEN_FILE", TOKEN_FILE);
        env.put("AWS_REGION", region);
        env.put("AWS_STS_REGIONAL_ENDPOINTS", "regional");
        env.put("AWS_ENDPOINT_URL", url);
        env.put("AWS_ENDPOINT_URL_STS", url);
        env.put("AWS_EC2_METADATA_DISABLED", "true");
        return app.withEnv(env).withCopyToContainer(Transferable.of(token(serviceAccount), 0444), TOKEN_FILE);
    }

    /** Why a call was answered as it was; the id is that of AwsServiceException.requestId(). */
    public String explain(String requestId) {
        return call("GET", "/_emu/decisions/" + requestId, null);
    }

    /** Goes back to the state of the start, with no faults, no decisions and the real time. */
    public void reset() {
        call("DELETE", "/_emu/state", null);
    }

    private String call(String method, String path, String body) {
        HttpRequest request = HttpRequest.newBuilder(url().resolve(path))
            .header("Authorization", "Bearer " + controlToken)
            .header("Accept", "text/plain")
            .method(method, body == null ? HttpRequest.BodyPublishers.noBody() : HttpRequest.BodyPublishers.ofString(body))
            .build();
        try {
            HttpResponse<String> answer = http.send(request, HttpResponse.BodyHandlers.ofString());
            if (answer.statusCode() >= 400) {
                throw new IllegalStateException("irsa-emu answers " + answer.statusCode() + ": " + answer.body());
            }
            return answer.body();
        } catch (IOException e) {
            throw new IllegalStateException("irsa-emu does not answer at " + url(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while asking irsa-emu", e);
        }
    }
}
